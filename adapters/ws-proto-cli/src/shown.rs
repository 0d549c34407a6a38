//! What others have written, made harmless for people who read it: a peer must neither steer a terminal nor
//! write a line in the name of this program.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// As one line: characters that are not shown as they are come as escapes, those that end a line too.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push(&mut shown, c);
    }
    shown.into()
}

/// The same for bytes that should be text.
pub(crate) fn escape_bytes(bytes: &[u8]) -> String {
    escape(&String::from_utf8_lossy(bytes)).into_owned()
}

/// The lines of a text, each as [`escape`] shows it.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.trim_end().lines().map(escape)
}

fn push(shown: &mut String, c: char) {
    if is_plain(c) {
        shown.push(c);
    } else {
        shown.extend(c.escape_default());
    }
}

/// Whether every terminal shows it in its place and changes nothing else: no control character, no separator of
/// lines or paragraphs (categories Cc, Zl, Zp), nothing that turns the direction of text or has no width by
/// itself (`Bidi_Control` and `Default_Ignorable_Code_Point` of the Unicode database, and category Cf).
pub(crate) const fn is_plain(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// How many columns it takes at most. Terminals do not agree: some give a column to marks that combine, which have
/// none by the tables of Unicode, and two to half of a flag. Where a line is broken too early nothing is lost; where
/// the terminal breaks it, the words of a peer begin a line.
fn most_columns(c: char) -> usize {
    match c {
        '\u{302e}'..='\u{302f}'
        | '\u{3248}'..='\u{324f}'
        | '\u{16ff0}'..='\u{16ff1}'
        | '\u{1f1e6}'..='\u{1f1ff}' => 2,
        c => c.width().unwrap_or(0).max(1),
    }
}

/// How many columns the terminal has; `None` if that is not known.
pub(crate) fn columns(stream: &impl Stream) -> Option<usize> {
    let (width, _) = stream.size()?;
    (width.0 > 0).then_some(width.0.into())
}

/// The streams that can be a terminal.
pub(crate) trait Stream {
    fn size(&self) -> Option<(terminal_size::Width, terminal_size::Height)>;
}

macro_rules! streams {
    ($($stream:ty),*) => {$(
        impl Stream for $stream {
            fn size(&self) -> Option<(terminal_size::Width, terminal_size::Height)> {
                terminal_size::terminal_size_of(self)
            }
        }
    )*};
}

streams!(std::io::Stdout, std::io::Stderr);

/// Lays out a text that comes in parts, with a mark at the beginning of each line: where the text has a new line,
/// and where the terminal would begin one by itself.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// What begins each line but the first.
    mark: String,
    mark_width: usize,
    columns: Option<usize>,
    column: usize,
    /// A carriage return has come: before a new line it is a part of that.
    is_returning: bool,
}

impl Layout {
    /// For a text whose first line begins after something that is `before` wide.
    pub(crate) fn new(mark: String, before: usize, columns: Option<usize>) -> Self {
        let mark_width = width(&anstream::adapter::strip_str(&mark).to_string());
        Self {
            mark,
            mark_width,
            // A terminal that is that narrow has no room for marks.
            columns: columns.filter(|columns| *columns > mark_width.max(before) + 8),
            column: before,
            is_returning: false,
        }
    }

    /// What is to be printed for this part.
    pub(crate) fn push(&mut self, part: &str) -> String {
        let mut out = String::with_capacity(part.len() + part.len() / 8);
        for c in part.chars() {
            let returning = std::mem::take(&mut self.is_returning);
            if returning && c != '\n' {
                self.escaped('\r', &mut out);
            }
            match c {
                '\r' => self.is_returning = true,
                '\n' => self.begin_line(&mut out),
                '\t' => {
                    // Its width depends on where it is.
                    let spaces = 8 - self.column % 8;
                    (0..spaces).for_each(|_| self.plain(' ', 1, &mut out));
                }
                c if is_plain(c) => self.plain(c, most_columns(c), &mut out),
                c => self.escaped(c, &mut out),
            }
        }
        out
    }

    /// What is to be printed at the end of the text, before the end of the line.
    pub(crate) fn finish(&mut self) -> String {
        let mut out = String::new();
        if std::mem::take(&mut self.is_returning) {
            self.escaped('\r', &mut out);
        }
        out
    }

    fn escaped(&mut self, c: char, out: &mut String) {
        for c in c.escape_default() {
            self.plain(c, 1, out);
        }
    }

    fn plain(&mut self, c: char, width: usize, out: &mut String) {
        if self
            .columns
            .is_some_and(|columns| self.column + width > columns)
        {
            self.begin_line(out);
        }
        out.push(c);
        self.column += width;
    }

    fn begin_line(&mut self, out: &mut String) {
        out.push('\n');
        out.push_str(&self.mark);
        self.column = self.mark_width;
    }
}

/// How many columns a text without control characters takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_cannot_steer_the_terminal() {
        assert_eq!(
            escape("a\u{1b}[2J\u{20ac}\t\n\r\u{9b}\u{202e}\u{200b}e\u{301}"),
            "a\\u{1b}[2J\u{20ac}\\t\\n\\r\\u{9b}\\u{202e}\\u{200b}e\u{301}"
        );
        assert!(matches!(escape("plain \u{3000}\u{a0}"), Cow::Borrowed(_)));
        let body = "a\r\nwsp: b\n\nc\x1b\r\n \n";
        assert_eq!(
            lines(body).collect::<Vec<_>>(),
            ["a", "wsp: b", "", "c\\u{1b}"]
        );
    }

    #[test]
    fn every_line_has_its_mark_however_the_text_is_cut() {
        let text = "one\r\ntwo\rthree\n\n\twide \u{4e2d}\u{6587} 0123456789abcdefghij\r";
        let expected =
            "one\n| two\\rthree\n| \n|       wide \u{4e2d}\n| \u{6587} 0123456789a\n| bcdefghij\\r";
        for (cut, _) in text.char_indices() {
            let mut layout = Layout::new("| ".to_owned(), 2, Some(16));
            let (one, two) = text.split_at(cut);
            let shown = layout.push(one) + &layout.push(two) + &layout.finish();
            assert_eq!(shown, expected);
            assert!(shown.lines().skip(1).all(|line| width(line) <= 16));
        }
        // Unknown, or too narrow for a mark.
        for columns in [None, Some(9)] {
            let mut layout = Layout::new("| ".to_owned(), 2, columns);
            assert_eq!(layout.push(&"x".repeat(50)), "x".repeat(50));
        }
    }
}
