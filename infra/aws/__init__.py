"""AWS as a home: the artifact and the CloudFormation template, both made from functions/manifest.py."""
