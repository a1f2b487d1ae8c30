"""How any request is served: server, parser, access, errors, headers and limits."""
