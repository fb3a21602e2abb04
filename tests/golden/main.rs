//! Golden values of PyTorch and timm. `TRICKTOP_GOLDEN` names another directory of them.

mod file;
mod nets;
mod ops;
mod tables;
