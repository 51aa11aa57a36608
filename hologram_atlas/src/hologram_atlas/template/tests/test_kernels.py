"""Do the kernels keep the contract of Hologram?"""

import pytest
import user_plugin

import hologram_core as hg
from hologram_core.testing import check_kernel


@pytest.mark.parametrize("op", ["hard_swish", "soft_clip"])
def test_kernel_keeps_the_contract(op):
    kernel = hg.get_kernel(op, "f32", 100, provider="user-plugin")
    check_kernel(kernel, getattr(user_plugin, op))
