//! Utilisation of GPU (NVML, loaded at run time) or processor.
