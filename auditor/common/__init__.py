"""Small tools that every stage may use: errors, bounds, data files, XML, clock, display, files, log (ADR 0002)."""
