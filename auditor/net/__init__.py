"""The only code that opens sockets: pacing, deadlines, byte limits, tolerant readers, TLS, SOAP."""
