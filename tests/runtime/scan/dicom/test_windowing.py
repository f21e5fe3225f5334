"""What grey a stored value becomes."""

from __future__ import annotations

import numpy as np
import pytest

from dicoms import Dataset, Items, ct, encode, image, lut, uid
from edge_run import InputError, read
from edge_run.scan.dicom.window import EXACT, LINEAR, SIGMOID, Window

RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16) * 16


def radiograph(pixels, **changes):
    return image(pixels, **{"Modality": "DX", **changes})


def grey(dataset):
    return read(encode(dataset))


def test_ct_is_shown_in_a_lung_window_whatever_window_it_brings():
    hounsfield = np.array([[-3000, -1350, -600, 0, 149, 3000]])
    scan = grey(ct(hounsfield, WindowCenter=40, WindowWidth=400))
    np.testing.assert_array_equal(scan.pixels, [[0, 0, 128, 230, 255, 255]])
    assert scan.steps[1:] == (
        "rescaled by slope 1 and intercept -1024",
        "lung window: centre -600, width 1500, LINEAR (HU)",
    )


def test_ct_slope_scales():
    scan = grey(image(np.array([[0, 200]], np.int16), RescaleSlope=2, RescaleIntercept=-1000))
    np.testing.assert_array_equal(scan.pixels, [[60, 128]])


@pytest.mark.parametrize("changes", [{}, {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "PCT"}])
def test_ct_without_hounsfield_units_is_shown_as_its_file_says(changes):
    scan = grey(image(RAMP, WindowCenter=2048, WindowWidth=4096, **changes))
    np.testing.assert_array_equal(scan.pixels, np.floor(RAMP / 4095 * 255 + 0.5))
    assert any("Hounsfield" in step for step in scan.steps)


def test_slope_of_nothing_is_refused():
    with pytest.raises(InputError, match="slope is 0"):
        read(encode(ct(np.zeros((4, 4)), RescaleSlope=0)))


def test_first_of_several_windows():
    scan = grey(radiograph(RAMP, WindowCenter=[1000, 2000], WindowWidth=[500, 4000]))
    alone = grey(radiograph(RAMP, WindowCenter=1000, WindowWidth=500))
    np.testing.assert_array_equal(scan.pixels, alone.pixels)
    assert "window of the file, the first of 2: centre 1000, width 500, LINEAR" in scan.steps


@pytest.mark.parametrize(
    ("window", "values", "white"),
    [
        # PS3.3 C.11.2.1.2.1, its own example: width 1 is a threshold at centre - 0.5.
        (Window(1, 1, LINEAR), [0, 0.5, 1], [0, 0, 1]),
        (Window(2048, 4096, LINEAR), [0, 4095], [0, 1]),
        (Window(2048, 4096, EXACT), [0, 2048, 4096], [0, 0.5, 1]),
        (Window(10, 4, SIGMOID), [-1e9, 9, 10, 11, 1e9], [0, 1 / (1 + np.e), 0.5, 1 / (1 + 1 / np.e), 1]),
    ],
)
def test_window_functions(window, values, white):
    np.testing.assert_allclose(window(np.array(values, np.float64)), white, atol=1e-12)


@pytest.mark.parametrize(
    "window", [Window(1, 0.5), Window(1, 0, EXACT), Window(1, -3, SIGMOID), Window(1, 9, "DOE^JANE")]
)
def test_window_without_a_meaning_is_left_out(window):
    assert not window.usable
    centre, width, function = window
    scan = grey(radiograph(RAMP, WindowCenter=centre, WindowWidth=width, VOILUTFunction=function))
    assert "the file's window has no meaning and is left out" in scan.steps
    assert "DOE" not in str(scan)
    assert (scan.pixels.min(), scan.pixels.max()) == (0, 255)


def test_function_of_the_file():
    scan = grey(radiograph(RAMP, WindowCenter=2000, WindowWidth=1000, VOILUTFunction="SIGMOID"))
    expected = np.floor(255 / (1 + np.exp(-4 * (RAMP - 2000.0) / 1000)) + 0.5)
    np.testing.assert_array_equal(scan.pixels, expected)


def test_voi_lut_comes_before_the_window():
    dataset = radiograph(np.array([[0, 10, 11, 12, 99]], np.uint16), WindowCenter=1, WindowWidth=1)
    dataset.VOILUTSequence = Items([lut([7, 100, 200], first=10)])
    scan = grey(dataset)
    np.testing.assert_array_equal(scan.pixels, [[7, 7, 100, 200, 200]])
    assert "VOI LUT applied" in scan.steps


def test_sixteen_bit_lut_as_bytes():
    dataset = radiograph(np.array([[0, 1]], np.uint16))
    item = lut([0, 65535], first=0, bits=16)
    item.add_new(0x00283006, "OW", np.array([32896, 65535], "<u2").tobytes())
    dataset.VOILUTSequence = Items([item])
    np.testing.assert_array_equal(grey(dataset).pixels, [[128, 255]])


@pytest.mark.parametrize("entries", [[1], [1, 2, 3, 4]])
def test_lut_that_does_not_fit_its_descriptor(entries):
    dataset = radiograph(RAMP)
    item = lut(entries, first=0)
    item.LUTDescriptor = [9, 0, 8]
    dataset.VOILUTSequence = Items([item])
    with pytest.raises(InputError, match="lookup table"):
        grey(dataset)


def test_modality_lut_comes_before_the_window():
    dataset = radiograph(np.array([[0, 1, 2]], np.uint16), WindowCenter=500.5, WindowWidth=1001)
    dataset.ModalityLUTSequence = Items([lut([0, 500, 1000], first=0, bits=16)])
    np.testing.assert_array_equal(grey(dataset).pixels, [[0, 128, 255]])


def test_without_a_window_the_range_is_its_own():
    scan = grey(radiograph(np.array([[-100, 0, 100]], np.int16)))
    np.testing.assert_array_equal(scan.pixels, [[0, 128, 255]])
    assert "no window in the file: stretched -100..100 to 0..255" in scan.steps


def test_eight_bits_pass_as_they_are():
    pixels = np.array([[10, 20, 30]], np.uint8)
    np.testing.assert_array_equal(grey(radiograph(pixels)).pixels, pixels)


def test_constant_is_black():
    assert not grey(radiograph(np.full((4, 4), 700, np.uint16))).pixels.any()


def test_monochrome1_is_inverted():
    dark = grey(radiograph(RAMP))
    light = grey(radiograph(RAMP, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(light.pixels, 255 - dark.pixels)
    assert any(step.startswith("inverted") for step in light.steps)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_no_part_of_the_range(photometric):
    pixels = np.array([[9000, 9001, 100, 150, 200]], np.uint16)
    scan = grey(
        radiograph(pixels, PhotometricInterpretation=photometric, PixelPaddingValue=9000, PixelPaddingRangeLimit=9001)
    )
    values = np.array([0, 0, 0, 128, 255])
    if photometric == "MONOCHROME1":
        values[2:] = [255, 127, 0]
    np.testing.assert_array_equal(scan.pixels[0], values)
    assert "padding set to black" in scan.steps


def test_negative_padding():
    pixels = np.array([[-2000, 0, 100]], np.int16)
    np.testing.assert_array_equal(grey(radiograph(pixels, PixelPaddingValue=-2000)).pixels, [[0, 0, 255]])


def test_ct_padding_that_tissue_has_too_is_tissue():
    hounsfield = np.array([[-600, 0, 0]])
    scan = grey(ct(hounsfield, PixelPaddingValue=1024))
    np.testing.assert_array_equal(scan.pixels, [[128, 230, 230]])


def test_ct_padding_above_all_tissue_is_black():
    scan = grey(ct(np.array([[-600, 30000]]), PixelPaddingValue=31024))
    np.testing.assert_array_equal(scan.pixels, [[128, 0]])


def test_high_bits_are_no_part_of_a_value():
    # Overlays were once kept there.
    pixels = np.array([[0, 4095, 0xF000, 0x8FFF]], np.uint16)
    scan = grey(radiograph(pixels, BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(scan.pixels, [[0, 255, 0, 255]])


def test_colour_becomes_grey_by_its_weights():
    scan = grey(image(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8), Modality="OT"))
    np.testing.assert_array_equal(scan.pixels, [[76, 150, 29]])


def test_palette():
    dataset = image(np.array([[0, 1, 2, 9]], np.uint8), Modality="US", PhotometricInterpretation="PALETTE COLOR")
    for colour, entries in (("Red", [255, 0, 9]), ("Green", [0, 255, 9]), ("Blue", [0, 0, 9])):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [3, 0, 8])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", bytes(entries) + b"\0")
    np.testing.assert_array_equal(grey(dataset).pixels, [[76, 150, 9, 9]])


def test_enhanced_objects_keep_them_in_functional_groups():
    def groups(slope):
        item, transform = Dataset(), Dataset()
        transform.RescaleSlope, transform.RescaleIntercept, transform.RescaleType = slope, -1000, "HU"
        item.PixelValueTransformationSequence = Items([transform])
        return item

    from edge_run.scan.read import read_frames

    dataset = image(np.full((2, 4, 4), 200, np.int16))
    dataset.SharedFunctionalGroupsSequence = Items([groups(2)])
    assert [int(scan.pixels[0, 0]) for scan in read_frames(encode(dataset))] == [128, 128]
    dataset.PerFrameFunctionalGroupsSequence = Items([groups(2), groups(5)])
    assert [int(scan.pixels[0, 0]) for scan in read_frames(encode(dataset))] == [128, 230]


def test_for_processing_is_said():
    scan = grey(radiograph(RAMP, PresentationIntentType="FOR PROCESSING"))
    assert "stored for processing, not as it would be shown" in scan.steps


@pytest.mark.parametrize("unit", ["US", "us", "H.U.", "Hounsfield units", "HU\\HU", "UNSPECIFIED", "HU_MOD", " hu "])
def test_ct_whose_unit_is_unspecified_or_spelt_otherwise_is_in_hounsfield_units(unit):
    values = np.linspace(-1024, 1000, 64).reshape(8, 8).astype(int)
    scan = grey(ct(values, RescaleType=unit))
    np.testing.assert_array_equal(scan.pixels, grey(ct(values)).pixels)
    assert any("lung window" in step for step in scan.steps)
    assert any("no stated unit" in step for step in scan.steps) == (unit.upper() in ("US", "UNSPECIFIED"))


STORED = np.random.default_rng(2).integers(0, 4096, (16, 16)).astype(np.uint16)


@pytest.mark.parametrize("high", [11, 12, 13, 15])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.RLELossless])
def test_left_aligned_samples_are_shifted_down(high, syntax):
    elements = {"BitsStored": 12, "RescaleSlope": 1, "RescaleIntercept": -1024}
    dataset = image(STORED << high - 11, HighBit=high, **elements)
    if syntax == uid.RLELossless:
        dataset.compress(syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
    np.testing.assert_array_equal(grey(dataset).pixels, grey(image(STORED, HighBit=11, **elements)).pixels)


def test_left_aligned_big_endian_and_signed_samples():
    elements = {"BitsStored": 12, "HighBit": 15, "RescaleSlope": 1, "RescaleIntercept": 0}
    expected = grey(ct(STORED.astype(int) - 2048)).pixels
    signed = (STORED.astype(np.int16) - 2048) * 16
    np.testing.assert_array_equal(grey(image(signed, **elements)).pixels, expected)
    big = image((STORED << 4).astype(">u2"), syntax=uid.ExplicitVRBigEndian, **elements | {"RescaleIntercept": -2048})
    big.set_original_encoding(False, False)
    np.testing.assert_array_equal(grey(big).pixels, expected)


def test_a_high_bit_that_the_samples_contradict_is_not_believed():
    elements = {"BitsStored": 12, "RescaleSlope": 1, "RescaleIntercept": -1024}
    wrong, right = (grey(image(STORED, HighBit=high, **elements)).pixels for high in (15, 11))
    np.testing.assert_array_equal(wrong, right)


def test_bits_that_do_not_count_are_dropped():
    elements = {"BitsStored": 12, "HighBit": 11, "RescaleSlope": 1, "RescaleIntercept": -1024}
    overlaid = grey(image(STORED | 0x8000, **elements)).pixels
    np.testing.assert_array_equal(overlaid, grey(image(STORED, **elements)).pixels)
    signed = STORED.astype(np.int16) - 2048
    cut = image(signed & 0x0FFF, **elements | {"RescaleIntercept": 0})
    np.testing.assert_array_equal(grey(cut).pixels, grey(ct(signed)).pixels)


@pytest.mark.parametrize(("bits", "shift"), [(12, 0), (16, 0), (16, 2), (16, 4), (12, -4)])
def test_the_depth_of_a_lookup_table_is_that_of_its_entries(bits, shift):
    entries = np.arange(4096) >> shift if shift > 0 else np.arange(4096) << -shift
    dataset = image(STORED, Modality="CR", VOILUTSequence=Items([lut(entries.tolist(), 0, bits)]))
    difference = grey(dataset).pixels.astype(int) - np.floor(STORED / 4095 * 255 + 0.5)
    assert np.abs(difference).max() <= 1
