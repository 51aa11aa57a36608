"""Are the kernels of the photo right, for other photos and the smallest ones too?"""

import numpy as np
import pytest
from scipy import ndimage
from support.examples import load_module, run_demo

kernels = load_module("image", "kernels")


def test_demo_is_right_about_the_photo():
    printed = run_demo("image")
    assert "640 x 427 pixels" in printed
    assert "of 819840 levels differ from float64, by 1 at most" in printed


STRAIGHT = np.linspace(0, 1, 256, dtype="f4")


def _developed(photo, curve, saturation):
    out = np.empty(photo.shape, "f4")
    kernels.develop(photo, curve, saturation, out)
    return out


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (3, 1000), np.uint8)


def test_develop_is_the_curve_where_saturation_is_one(photo):
    curve = np.sqrt(STRAIGHT)
    np.testing.assert_allclose(_developed(photo, curve, 1.0), curve[photo], rtol=1e-6, atol=1e-6)


def test_develop_changes_saturation_but_no_luminance(photo):
    def luminance(planes):
        return np.tensordot([0.2126, 0.7152, 0.0722], planes, 1)

    grey = _developed(photo, STRAIGHT, 0.0)
    np.testing.assert_allclose(grey, np.broadcast_to(luminance(photo / 255), grey.shape), rtol=1e-5)
    vivid = _developed(photo, STRAIGHT, 2.0)
    np.testing.assert_allclose(vivid[0] - vivid[1], 2 * (photo[0] / 255 - photo[1] / 255), rtol=0, atol=1e-5)
    np.testing.assert_allclose(luminance(vivid), grey[0], rtol=0, atol=1e-6)


def test_develop_needs_a_curve_for_every_level(photo):
    with pytest.raises(ValueError, match="curve"):
        kernels.develop(photo, STRAIGHT[:255], 1.0, np.empty(photo.shape, "f4"))


def test_no_index_of_the_kernels_is_checked():
    for kernel in (kernels.develop, kernels.stencil):
        assert kernel.explain().checked == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 9), (9, 1), (2, 2), (3, 3), (3, 40, 50)], ids=str)
def test_stencil_goes_on_beyond_the_edge_as_it_ends(shape):
    random = np.random.default_rng(1)
    planes, weights = random.random(shape, "f4"), random.normal(0.1, 0.3, (3, 3)).astype("f4")
    out = np.empty(shape, np.uint8)
    kernels.stencil(planes, weights, out)
    cube = weights.reshape((1,) * (len(shape) - 2) + (3, 3))
    wanted = np.clip(ndimage.correlate(planes.astype("f8"), cube.astype("f8"), mode="nearest"), 0, 1) * 255
    assert np.abs(out - wanted).max() < 0.501  # rounded to a level
