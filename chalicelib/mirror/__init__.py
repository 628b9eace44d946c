"""The mirror on AWS: what EventBridge and Lambda are to have for our triggers, and the reconciler that brings them there. docs/architecture/mirror.md"""
