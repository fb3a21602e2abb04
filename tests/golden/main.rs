//! Golden values of PyTorch and timm. `TRICKTOP_GOLDEN` names another directory of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bf16;
mod families;
mod file;
mod nets;
mod ops;
mod optimisers;
mod segment;
mod tables;
mod torchvision;
