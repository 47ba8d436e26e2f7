//! The way from what somebody had to the keys and to those who need them.

use std::io::{self, Write};

use super::names;
use crate::access::Request;
use crate::access::chain::{Chain, FoundImage, FoundSnapshot, NoticeSource};
use crate::arn::KeyArn;
use crate::escape::Escaped;
use crate::observation::ec2::{Instance, Volume};
use crate::observation::template::{Device, LaunchTemplate, TemplateRef};
use crate::render::Styles;
use crate::render::styles::paint;

/// Writes what was found, step by step; nothing where nothing was looked for.
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
    for group in &chain.groups {
        tree.line(0, &format!("Auto Scaling group {}", group.name), &format!("({})", group.owner))?;
        let own = |template: &&LaunchTemplate| group.templates.contains(&template.asked);
        chain.templates.iter().filter(own).try_for_each(|template| tree.template(1, template, chain))?;
        let own = |found: &&FoundImage| group.images.contains(&found.image.id);
        chain.images.iter().filter(own).try_for_each(|found| tree.image(1, found, &chain.region))?;
    }
    let is_of_a_group = |template: &&LaunchTemplate| {
        chain.groups.iter().any(|group| group.templates.contains(&template.asked))
    };
    let templates = chain.templates.iter().filter(|template| !is_of_a_group(template));
    templates.into_iter().try_for_each(|template| tree.template(0, template, chain))?;
    let images = chain.images.iter().filter(|found| !chain.is_led_to(&found.image.id));
    images.into_iter().try_for_each(|found| tree.image(0, found, &chain.region))?;
    let snapshots = chain.snapshots.iter().filter(|found| !chain.is_led_to(&found.id));
    snapshots.into_iter().try_for_each(|found| tree.snapshot(0, found))?;
    let volumes = chain.volumes.iter().filter(|volume| !chain.is_led_to(&volume.id));
    volumes.into_iter().try_for_each(|volume| tree.volume(0, volume))?;
    for key in &request.keys {
        tree.key(key, request)?;
    }
    Ok(())
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

    /// A template with its image, and with what it says of devices.
    fn template(&mut self, depth: usize, template: &LaunchTemplate, chain: &Chain) -> io::Result<()> {
        let what = match &template.asked {
            TemplateRef::Id { .. } | TemplateRef::Name { .. } => "launch template",
            TemplateRef::Configuration(_) => "launch configuration",
        };
        let version = match template.version.as_str() {
            "" => String::new(),
            version => format!(", version {version}"),
        };
        let about = format!("({}{version})", template.owner);
        self.line(depth, &format!("{what} {}", template.name), &about)?;
        let own = |found: &&FoundImage| template.image.as_ref() == Some(&found.image.id);
        let mut images = chain.images.iter().filter(own).peekable();
        match &template.image {
            Some(image) if images.peek().is_none() => {
                self.line(depth + 1, &format!("image {image}"), "(not looked at)")?;
            }
            None => self.line(depth + 1, "an image that whoever launches names", "")?,
            Some(_) => {}
        }
        images.try_for_each(|found| self.image(depth + 1, found, &chain.region))?;
        for Device { name, snapshot, key } in &template.devices {
            let found = |id: &String| chain.snapshots.iter().find(|found| found.id == *id);
            if let Some(found) = snapshot.as_ref().and_then(found) {
                self.snapshot(depth + 1, found)?;
            }
            if let Some(key) = key {
                self.line(depth + 1, &format!("device {name} -> key {key}"), "")?;
            }
        }
        Ok(())
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
