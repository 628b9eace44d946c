"""Node types that a workspace defines for itself: kept in versions, pinned by what is published, made of OpenAPI documents or by hand."""
