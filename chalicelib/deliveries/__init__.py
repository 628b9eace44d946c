"""The delivery ledger: what became of every message, recipient by recipient, and the receipts that say so."""
