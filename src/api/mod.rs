//! warp filters: REST, SSE, WebSocket, OpenAPI, auth, the embedded web UI. No rules of its own.
