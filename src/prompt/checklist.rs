//! A list with a mark at each item, as a value: keys go in, lines come out.

use std::ops::Range;

use console::Key;

/// Which items are marked, and at which one the user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checklist {
    checked: Vec<bool>,
    at: usize,
}

impl Checklist {
    /// A list of so many items, of which these are marked.
    pub(super) fn new(count: usize, checked: &[usize]) -> Self {
        Self { checked: (0..count).map(|index| checked.contains(&index)).collect(), at: 0 }
    }

    /// The items without a mark.
    pub(super) fn unchecked(&self) -> impl Iterator<Item = usize> {
        self.checked.iter().enumerate().filter(|(_, checked)| !**checked).map(|(index, _)| index)
    }

    /// Moves or switches a mark; other keys do nothing.
    pub(super) fn press(&mut self, key: &Key) {
        let count = self.checked.len().max(1);
        match key {
            Key::ArrowDown | Key::Tab | Key::Char('j') => self.at = (self.at + 1) % count,
            Key::ArrowUp | Key::BackTab | Key::Char('k') => self.at = (self.at + count - 1) % count,
            Key::Home => self.at = 0,
            Key::End => self.at = count - 1,
            Key::Char(' ') => {
                if let Some(checked) = self.checked.get_mut(self.at) {
                    *checked = !*checked;
                }
            }
            Key::Char('a') => {
                let all = self.checked.iter().all(|checked| *checked);
                self.checked.fill(!all);
            }
            _ => {}
        }
    }

    /// The lines to show where there is room for so many: those around the user's item.
    pub(super) fn lines(&self, labels: &[String], room: usize) -> Vec<String> {
        let visible = self.visible(room.max(1));
        let items = labels.iter().zip(&self.checked).enumerate();
        items
            .filter(|(index, _)| visible.contains(index))
            .map(|(index, (label, checked))| {
                let pointer = if index == self.at { ">" } else { " " };
                let mark = if *checked { "[x]" } else { "[ ]" };
                format!("{pointer} {mark} {label}")
            })
            .collect()
    }

    fn visible(&self, room: usize) -> Range<usize> {
        let count = self.checked.len();
        let last_start = count.saturating_sub(room);
        let start = self.at.saturating_sub(room / 2).min(last_start);
        start..(start + room).min(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(count: usize, keys: &[Key]) -> Checklist {
        let mut checklist = Checklist::new(count, &(0..count).collect::<Vec<_>>());
        for key in keys {
            checklist.press(key);
        }
        checklist
    }

    fn unchecked(count: usize, keys: &[Key]) -> Vec<usize> {
        pressed(count, keys).unchecked().collect()
    }

    #[test]
    fn keys_move_and_switch() {
        let (space, down, up) = (Key::Char(' '), Key::ArrowDown, Key::ArrowUp);
        assert!(unchecked(3, &[]).is_empty());
        assert_eq!(unchecked(3, &[space.clone(), down, space.clone()]), [0, 1]);
        assert_eq!(unchecked(3, &[up, space.clone()]), [2], "moving up from the first item goes to the last");
        assert!(unchecked(3, &[space.clone(), space]).is_empty());
        assert_eq!(unchecked(3, &[Key::Char('a')]), [0, 1, 2]);
        assert!(unchecked(3, &[Key::Char('a'), Key::Char('a')]).is_empty());
        assert!(unchecked(3, &[Key::Char('x'), Key::Del]).is_empty());
    }

    #[test]
    fn a_long_list_shows_what_is_around_the_pointer() {
        let labels: Vec<String> = (0..9).map(|index| index.to_string()).collect();
        let lines = |presses: usize| pressed(9, &vec![Key::ArrowDown; presses]).lines(&labels, 3);
        assert_eq!(lines(0), ["> [x] 0", "  [x] 1", "  [x] 2"]);
        assert_eq!(lines(5), ["  [x] 4", "> [x] 5", "  [x] 6"]);
        assert_eq!(lines(8), ["  [x] 6", "  [x] 7", "> [x] 8"]);
    }
}
