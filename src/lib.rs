//! tricktop: a terminal workstation for training image classifiers, in which every trick of the paper "Bag of Tricks
//! for Image Classification with Convolutional Neural Networks" is a live switch.
//!
//! `docs/dev/architecture.md` shows how the modules stand to each other.

pub mod app;
pub mod batch;
pub mod browse;
pub mod cli;
pub mod config;
pub mod data;
pub mod doctor;
pub mod files;
pub mod hardware;
pub mod http;
pub mod hub;
pub mod kernels;
pub mod nn;
pub mod ops;
pub mod protobuf;
pub mod random;
pub mod recipe;
pub mod report;
pub mod runs;
pub mod signals;
pub mod suite;
pub mod text;
pub mod train;
pub mod tricks;
pub mod tui;
pub mod view;
pub mod watch;
