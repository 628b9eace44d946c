"""The homes: AWS, the embedded host, on-premise. Everything that starts processes, packages and migrates; nothing that decides."""
