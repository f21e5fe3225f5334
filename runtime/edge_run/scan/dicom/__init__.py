"""DICOM files -> scans. pydicom is imported only once a file has been recognised.

The steps have a module each: `sniff` recognises a file, `parse` reads the few elements that are needed, `layout` bounds
what they announce, `pixel_data` decodes, `windowing` maps stored values to grey. Nothing else of a file is ever looked
at, so that there is nothing of the patient to leak.
"""
