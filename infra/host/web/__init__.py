"""The parts of the host's HTTP front: API Gateway's role, the web app's files, metrics, and callers that wait."""
