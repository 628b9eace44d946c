"""REST: blueprints that translate HTTP to services and back, the edge that authenticates and commits, and the OpenAPI document made from both."""
