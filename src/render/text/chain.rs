//! The way from what somebody had to the keys and to those who need them.

use std::io::{self, Write};

use super::names;
use crate::access::Request;
use crate::access::chain::{Chain, FoundImage, FoundSnapshot, NoticeSource};
use crate::arn::KeyArn;
use crate::escape::Escaped;
use crate::observation::ec2::{Instance, Volume};
use crate::render::Styles;
use crate::render::styles::paint;

/// Writes what was found, step by step, with a blank line after it; nothing where nothing was looked for.
///
/// # Errors
/// What the writer returns.
pub fn chain(out: &mut dyn Write, styles: &Styles, chain: &Chain, request: &Request) -> io::Result<()> {
    if chain.is_empty() {
        return Ok(());
    }
    let mut tree = Tree { out, styles };
    for refusal in &chain.refusals {
        tree.line(0, &format!("CloudTrail: {} refused to {}", refusal.action, refusal.principal), "")?;
        tree.told_key(refusal.key.as_ref())?;
    }
    for stranger in &chain.strangers {
        tree.line(0, &format!("CloudTrail: {} refused to {}", stranger.action, stranger.principal), "")?;
        tree.told_key(stranger.key.as_ref())?;
    }
    for notice in &chain.notices {
        let source = match notice.source {
            NoticeSource::Ebs => "EBS",
            NoticeSource::AutoScaling => "Auto Scaling",
            NoticeSource::Ec2 => "EC2 refused",
        };
        tree.line(0, &format!("{source}: {}", notice.subject), "")?;
        if let Some(key) = &notice.key {
            tree.line(1, &names::key(key), "")?;
        }
    }
    for instance in &chain.instances {
        tree.instance(instance)?;
        let own = |found: &&FoundImage| found.image.id == instance.image;
        chain.images.iter().filter(own).try_for_each(|found| tree.image(1, found, &chain.region))?;
        let own = |volume: &&Volume| instance.volumes.contains(&volume.id);
        chain.volumes.iter().filter(own).try_for_each(|volume| tree.volume(1, volume))?;
    }
    let is_of_instance = |id: &String| {
        chain.instances.iter().any(|instance| instance.image == *id || instance.volumes.contains(id))
    };
    let images = chain.images.iter().filter(|found| !is_of_instance(&found.image.id));
    images.into_iter().try_for_each(|found| tree.image(0, found, &chain.region))?;
    chain.snapshots.iter().try_for_each(|found| tree.snapshot(0, found))?;
    let volumes = chain.volumes.iter().filter(|volume| !is_of_instance(&volume.id));
    volumes.into_iter().try_for_each(|volume| tree.volume(0, volume))?;
    for key in &request.keys {
        tree.key(key, request)?;
    }
    writeln!(tree.out)
}

struct Tree<'o> {
    out: &'o mut dyn Write,
    styles: &'o Styles,
}

impl Tree<'_> {
    /// One step; what follows it on the line matters less.
    fn line(&mut self, depth: usize, what: &str, about: &str) -> io::Result<()> {
        let arrow =
            if depth == 0 { String::new() } else { format!("{:width$}-> ", "", width = 3 * depth - 1) };
        write!(self.out, "{}{}", paint(self.styles.dim, arrow), Escaped(what))?;
        if !about.is_empty() {
            write!(self.out, " {}", paint(self.styles.dim, Escaped(about)))?;
        }
        writeln!(self.out)
    }

    fn told_key(&mut self, key: Option<&KeyArn>) -> io::Result<()> {
        match key {
            Some(key) => self.line(1, &names::key(key), ""),
            None => self.line(1, "a key that the event does not tell", ""),
        }
    }

    fn instance(&mut self, instance: &Instance) -> io::Result<()> {
        let group = instance.auto_scaling_group.as_ref();
        let group = group.map_or(String::new(), |group| format!(", by the Auto Scaling group {group}"));
        let about = format!("({}, {}{group})", instance.owner, instance.state);
        self.line(0, &format!("instance {}", instance.id), &about)
    }

    fn image(&mut self, depth: usize, found: &FoundImage, region: &str) -> io::Result<()> {
        let image = &found.image;
        let about = format!("`{}` ({}, {region})", image.name, image.owner);
        self.line(depth, &format!("image {}", image.id), &about)?;
        found.snapshots.iter().try_for_each(|found| self.snapshot(depth + 1, found))
    }

    fn snapshot(&mut self, depth: usize, found: &FoundSnapshot) -> io::Result<()> {
        let what = format!("snapshot {}", found.id);
        match &found.snapshot {
            None => self.line(depth, &what, "(not shown)"),
            Some(snapshot) => self.encrypted(depth, &what, snapshot.key.as_ref(), snapshot.is_encrypted),
        }
    }

    fn volume(&mut self, depth: usize, volume: &Volume) -> io::Result<()> {
        self.encrypted(depth, &format!("volume {}", volume.id), volume.key.as_ref(), volume.is_encrypted)
    }

    fn encrypted(&mut self, depth: usize, what: &str, key: Option<&KeyArn>, is: bool) -> io::Result<()> {
        match key {
            Some(key) => self.line(depth, &format!("{what} -> {}", names::key(key)), ""),
            None if is => self.line(depth, what, "(encrypted under a key that is not told)"),
            None => self.line(depth, what, "(not encrypted)"),
        }
    }

    fn key(&mut self, key: &KeyArn, request: &Request) -> io::Result<()> {
        let accounts = request.only_for.get(key);
        let about = accounts.map_or(String::new(), |accounts| {
            format!("default EBS key of {}", names::accounts(accounts.iter()))
        });
        self.line(0, &names::key(key), &about)?;
        request.needing(key).try_for_each(|grantee| self.line(1, &names::grantee(grantee), ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{self, OTHER_ROOT, ROLE, written};

    #[test]
    fn every_step_is_shown_and_nothing_from_outside_reaches_the_terminal() {
        let text = written(|out| {
            super::chain(out, &Styles::plain(), &testing::chain(), &testing::request(&[OTHER_ROOT, ROLE]))
        });
        insta::assert_snapshot!(text);
        assert!(!text.contains('\u{1b}'));
        let nothing =
            written(|out| super::chain(out, &Styles::plain(), &Chain::default(), &testing::request(&[])));
        assert_eq!(nothing, "");
    }
}
