"""Time and memory: of the ensemble, of its peers, of whole processes and of streams of scans."""
