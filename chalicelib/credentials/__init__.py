"""The vault: secrets kept under envelope encryption, bound to hosts and workflows, lent to actions while they run and never shown to anybody."""
