"""Messages: one file per provider behind one interface, with the delivery ledger and failover before them."""
