//! What counts as access, what stands in the way, and the least privilege.

use crate::scene::Scene;

/// By name the remedy is planned, with a note; by evaluation there is nothing to do.
#[test]
fn access_by_other_means() {
    let scene = Scene::of("power-user");
    let named = scene.fix("--dry-run");
    let effective = scene.fix("--dry-run --coverage effective");
    insta::assert_snapshot!(format!("{named}\n{effective}"));
}

#[test]
fn what_stands_in_the_way() {
    let scene = Scene::of("blocked-launch");
    let before = scene.content();
    let blocked = scene.fix("--yes");
    assert_eq!(scene.content(), before, "nothing is written");
    assert_eq!(blocked.status, 4);
    let allowed = scene.fix("--yes --allow-blocked");
    assert_ne!(scene.content(), before, "what was allowed is written");
    insta::assert_snapshot!(format!("{blocked}\n{}", allowed.after(&blocked)));
}

/// What a launch needs, then nothing more; the documented remedy after it; and the least privilege after that.
#[test]
fn the_least_privilege() {
    let scene = Scene::of("copied-ami");
    let least = scene.fix("--yes --least-privilege");
    let again = scene.fix("--yes --least-privilege");
    let documented = scene.fix("--yes");
    let after = scene.content();
    let broader = scene.fix("--yes --least-privilege");
    assert_eq!(scene.content(), after, "nothing is taken away");
    insta::assert_snapshot!(format!("{least}\n{again}\n{documented}\n{broader}"));
}
