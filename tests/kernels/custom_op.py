from atlas_kernel import DeviceArray, f32, u32, get_global_id

def custom_operation(input: DeviceArray[f32], output: DeviceArray[f32], n: u32):
    """Your custom kernel operation"""
    idx = get_global_id()
    if idx < n:
        output[idx] = input[idx] * 2.0
