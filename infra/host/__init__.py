"""One machine as a home: HTTP front, engine workers, cron loop, Kafka poller and the servers they need."""
