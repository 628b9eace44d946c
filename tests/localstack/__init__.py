"""All of Millrace on LocalStack: deployed by CloudFormation, driven over HTTP and with boto3, on real PostgreSQL, Valkey and Kafka."""
