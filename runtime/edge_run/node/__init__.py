"""The DICOM door: series come in by C-STORE, and every one is answered."""
