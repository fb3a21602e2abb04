//! What the environment says about colours and characters.

use std::env;

/// Whether colours may be used: `NO_COLOR` is unset or empty.
pub fn color_from_env() -> bool {
    env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Whether the terminal says that it has true colours: `COLORTERM` is `truecolor` or `24bit`.
pub fn truecolor_from_env() -> bool {
    env::var("COLORTERM").is_ok_and(|v| matches!(v.as_str(), "truecolor" | "24bit"))
}

/// Whether only ASCII may be drawn: the locale is set and is not UTF-8.
pub fn ascii_from_env() -> bool {
    let of = |name| env::var(name).unwrap_or_default();
    needs_ascii(&[of("LC_ALL"), of("LC_CTYPE"), of("LANG")])
}

/// The first that is set decides. None set says nothing about the terminal, and terminals speak UTF-8.
fn needs_ascii(locale: &[String]) -> bool {
    let chosen = locale.iter().find(|v| !v.is_empty()).map(|v| v.to_lowercase());
    chosen.is_some_and(|v| !v.contains("utf-8") && !v.contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let needs = |v: [&str; 3]| needs_ascii(&v.map(String::from));
        assert!(!needs(["", "", ""]));
        assert!(!needs(["", "", "en_US.UTF-8"]));
        assert!(!needs(["C.utf8", "", "C"]));
        assert!(needs(["", "C", "en_US.UTF-8"]));
        assert!(needs(["POSIX", "", ""]));
        assert!(needs(["", "", "de_DE.ISO-8859-1"]));
    }
}
