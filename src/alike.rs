//! Names that may be meant by one that does not exist.

/// Less alike than this is another name.
const ALIKE: f64 = 0.85;
/// So many are worth reading.
const MOST: usize = 3;

/// The names that are most like one, best first, whatever their case.
pub(crate) fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let typed = typed.to_lowercase();
    let likeness = |name: &'n str| (strsim::jaro_winkler(&typed, &name.to_lowercase()), name);
    let mut alike: Vec<(f64, &str)> =
        names.into_iter().map(likeness).filter(|(likeness, _)| *likeness >= ALIKE).collect();
    alike.sort_by(|(one, first), (other, second)| other.total_cmp(one).then_with(|| first.cmp(second)));
    alike.into_iter().take(MOST).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_strangers_do_not_come() {
        let names =
            ["app-instances", "app-instance", "deployer", "Admin", "app-instances-old", "app-instances-new"];
        assert_eq!(nearest("app-instnces", names), ["app-instances", "app-instance", "app-instances-new"]);
        assert_eq!(nearest("ADMIN", names), ["Admin"]);
        assert_eq!(nearest("nobody", names), Vec::<&str>::new());
        assert_eq!(nearest("", names), Vec::<&str>::new());
    }
}
