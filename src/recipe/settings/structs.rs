//! How settings are written down: structs whose fields have defaults.

/// Structs of settings with their defaults.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty = $default:expr),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty),+ }

        impl Default for $name {
            fn default() -> Self { Self { $($field: $default),+ } }
        }
    )+};
}
