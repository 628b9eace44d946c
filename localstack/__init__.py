"""LocalStack as a home: all of Millrace deployed to an AWS on this machine, without Docker. docs/deploy/localstack.md

Modules here run in Millrace's own environment and speak to LocalStack as to AWS; `plugin/` runs inside LocalStack, in its environment. They share no code.
(LocalStack's own package is called `localstack` too: it is never installed beside this one.)
"""
