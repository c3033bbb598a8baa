//! The settings that the deploy guide recommends: what is tested is what it says.

/// The first block of this kind in the guide's page on deployment.
pub(crate) fn block(kind: &str) -> String {
    const PAGE: &str = include_str!("../../../src/guide/operate/deploy.rs");
    let fence = format!("//! ```{kind}");
    let lines = PAGE.lines().skip_while(|line| **line != *fence).skip(1);
    let block: Vec<&str> = lines
        .take_while(|line| *line != "//! ```")
        .map(|line| line.strip_prefix("//!").expect("a page of comments"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    assert!(!block.is_empty(), "the guide has no {kind} block");
    block.join("\n")
}

/// Puts the test's own value where the guide has an example's.
pub(crate) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the guide does not say {from:?}");
    text.replace(from, to)
}
