//! The headless front end: `tricktop --batch`.
