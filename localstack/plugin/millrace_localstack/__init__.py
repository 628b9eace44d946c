"""What LocalStack's open edition lacks without Docker: functions as local processes, and event sources that read Kafka.

This package runs inside LocalStack's own process and environment, never in Millrace's. LocalStack finds it by the entry points in
`../millrace_localstack.dist-info`, once `localstack/plugin` is on its PYTHONPATH. Only `executor.py`, `kafka_source.py` and `serve.py` import LocalStack; the
rest can be read and tested by itself.
"""
