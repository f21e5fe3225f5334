"""DICOM files -> scans. pydicom is imported only once a file has been recognised.

The steps, a module each: :mod:`~edge_run.dicom.sniff` recognises, :mod:`~edge_run.dicom.parse` reads the few elements
that are needed, :mod:`~edge_run.dicom.layout` bounds what they announce, :mod:`~edge_run.dicom.stored` decodes,
:mod:`~edge_run.dicom.tones` maps stored values to grey. Nothing else of a file is ever looked at, so that there is
nothing of the patient to leak.
"""
