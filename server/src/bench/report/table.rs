//! A report for people: names on the left, text on the right, no line wider than a terminal.

/// A name and its text.
pub(crate) type Row = (&'static str, String);

/// Columns of the names.
const NAME: usize = 14;
/// Columns of a line, which every terminal has.
const WIDTH: usize = 80;

/// Lays it out. Text that is too long goes on below itself.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut out = String::new();
    for (name, text) in rows {
        let mut column = NAME;
        out.push_str(&format!("{name:<NAME$}"));
        for (index, word) in text.split(' ').enumerate() {
            let len = word.chars().count();
            if index > 0 && column + 1 + len > WIDTH {
                out.truncate(out.trim_end().len());
                out.push_str(&format!("\n{:NAME$}", ""));
                column = NAME;
            } else if index > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += len;
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_goes_on_below_itself() {
        let long = "four ".repeat(20);
        let table = render(&[("short", "a  b".into()), ("long", long.trim_end().into())]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "short         a  b");
        assert_eq!(
            lines[1],
            format!("long          {}", "four ".repeat(13).trim_end())
        );
        assert_eq!(
            lines[2],
            format!("{:14}{}", "", "four ".repeat(7).trim_end())
        );
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH));
    }
}
