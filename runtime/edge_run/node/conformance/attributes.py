"""Every attribute of the objects that the node makes, and where its value comes from; a test compares with objects."""

from __future__ import annotations

COMMON = {
    "SOPClassUID": "of the object",
    "SOPInstanceUID": "2.25. and a UUID of bundle, series, files, kind and version: the same when made again",
    "InstanceCreationDate": "when the series was answered",
    "InstanceCreationTime": "when the series was answered",
    "InstanceCreatorUID": "the Implementation Class UID",
    "Modality": "SR, OT, KO or PR",
    "Manufacturer": "edge-run",
    "ManufacturerModelName": "name of the bundle",
    "DeviceSerialNumber": "SHA-256 of the bundle's manifest",
    "SoftwareVersions": "version of edge-run",
    "ContributingEquipmentSequence": "highdicom, the library that encodes the object",
    "SeriesInstanceUID": "2.25. and a UUID of bundle, source series and kind: one series for all versions",
    "SeriesNumber": "100 times the source's, and 91 to 95 by kind of object",
    "SeriesDescription": "kind of object, bundle, 'research'",
    "SeriesDate": "when the series was answered",
    "SeriesTime": "when the series was answered",
    "InstanceNumber": "1, 101, 201 ... with the version of the answer",
}
"""In every object."""

_CONTENT = {"ContentDate": "when the series was answered", "ContentTime": "when the series was answered"}
_BODY = {
    "BodyPartExamined": "the source's, where it has one",
    "Laterality": "the source's; empty where it has neither this nor a body part",
}
_DOCUMENT = {
    **_CONTENT,
    "ValueType": "CONTAINER",
    "ConceptNameCodeSequence": "title, see Codes",
    "ContinuityOfContent": "SEPARATE",
    "ContentTemplateSequence": "see Templates",
    "ContentSequence": "see Templates",
    "CurrentRequestedProcedureEvidenceSequence": "images of the source series",
    "ReferencedPerformedProcedureStepSequence": "empty",
}
_PIXELS = {
    "BurnedInAnnotation": "NO: nothing of the patient is drawn",
    "SourceImageSequence": "the slices that are shown; absent where none is",
    "LossyImageCompression": "01 where the source was compressed with loss",
}
_SHOWN = {
    "ContentDescription": "what is shown",
    "ReferencedSeriesSequence": "the slices that are shown",
    "PresentationLUTShape": "IDENTITY",
}

OBJECTS = {
    "Comprehensive 3D SR Storage": {
        **_DOCUMENT,
        "CodingSchemeIdentificationSequence": "99EDGERUN",
        "CompletionFlag": "COMPLETE",
        "CompletionFlagDescription": "Research use",
        "PreliminaryFlag": "PRELIMINARY, always",
        "VerificationFlag": "UNVERIFIED, always",
        "PerformedProcedureCodeSequence": "empty",
        "PredecessorDocumentsSequence": "the report that this one supersedes, where late images led to a new answer",
    },
    "Secondary Capture Image Storage": {
        **_CONTENT,
        **_BODY,
        **_PIXELS,
        "ImageType": "DERIVED, SECONDARY, OTHER",
        "SamplesPerPixel": "3",
        "PhotometricInterpretation": "RGB",
        "Rows": "of the picture, as high as its words need",
        "Columns": "1200",
        "BitsAllocated": "8",
        "ConversionType": "DI",
        "DateOfSecondaryCapture": "when the series was answered",
        "TimeOfSecondaryCapture": "when the series was answered",
        "DerivationDescription": "what is drawn",
        "ImageComments": "the answer in words",
        "PatientOrientation": "empty: several slices are drawn side by side",
        "PlanarConfiguration": "0",
        "BitsStored": "8",
        "HighBit": "7",
        "PixelRepresentation": "0",
        "PixelData": "up to three slices that decided above their heatmaps, and words; words alone where none decided",
    },
    "Key Object Selection Document Storage": _DOCUMENT,
    "Grayscale Softcopy Presentation State Storage": {
        **_BODY,
        **_SHOWN,
        "ContentLabel": "EDGERUN",
        "PresentationCreationDate": "when the series was answered",
        "PresentationCreationTime": "when the series was answered",
        "ContentCreatorName": "empty",
        "GraphicLayerSequence": "one layer, EDGERUN",
        "GraphicAnnotationSequence": "outlines of strong evidence and one line of text",
        "DisplayedAreaSelectionSequence": "the whole image",
        "RescaleIntercept": "the source's; there is no VOI LUT, so that the reader's window stays",
        "RescaleSlope": "the source's",
        "RescaleType": "the source's",
    },
    "Parametric Map Storage": {
        **_CONTENT,
        **_BODY,
        **_PIXELS,
        **_SHOWN,
        "ContentLabel": "HEATMAP",
        "ImageType": "DERIVED, PRIMARY, VOLUME, QUANTITY",
        "SamplesPerPixel": "1",
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": "the source's",
        "Columns": "the source's",
        "BitsAllocated": "32",
        "PixelPresentation": "MONOCHROME",
        "ContentQualification": "RESEARCH",
        "FrameOfReferenceUID": "the source's",
        "PositionReferenceIndicator": "the source's",
        "DimensionOrganizationSequence": "by position",
        "DimensionIndexSequence": "by position",
        "DimensionOrganizationType": "by position",
        "NumberOfFrames": "at most 16",
        "RecognizableVisualFeatures": "NO",
        "AcquisitionContextSequence": "empty",
        "SharedFunctionalGroupsSequence": "geometry of the source; quantity: class activation in log-odds",
        "PerFrameFunctionalGroupsSequence": "position and source of each frame",
        "FloatPixelData": "the class-activation map, interpolated to the size of the source",
    },
}
"""By SOP class, what an object has besides."""
