//! `tricktop weights`: weights of the hub, in its cache.

use super::args::{Model, Weights as Command};
use super::progress::with_bar;
use super::{Failure, print};
use crate::hub::{Cached, Got, Hub, HubError, Name};
use crate::nn::{Recognised, recognise};
use crate::text::{columns, left, shown};
use crate::train::{TrainError, read_weights};
use std::process::ExitCode;

/// Carries out a command.
pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    let hub = Hub::from_env();
    match command {
        Command::Get { model, offline } => {
            let why = if offline { Some("--offline") } else { hub.offline };
            print(&get(&Hub { offline: why, ..hub }, &named(model)?)?)
        }
        Command::List => print(&list(&hub)),
        Command::Where { model } => {
            let cached = hub.cached(&named(model)?).map_err(wrong)?;
            print(&format!("{}\n", cached.weights.display()))
        }
    }
}

fn wrong(e: HubError) -> Failure {
    Failure::Use(TrainError::Hub(e))
}

/// The name at the revision that was asked for.
fn named(Model { name, revision }: Model) -> Result<Name, Failure> {
    let Some(revision) = revision else { return Ok(name) };
    let no = || Failure::Inspect(format!("{revision:?} cannot be the name of a branch, a tag or a commit"));
    name.at(&revision).ok_or_else(no)
}

fn get(hub: &Hub, name: &Name) -> Result<String, Failure> {
    let Got { cached, fetched, unasked } = with_bar(|tell| hub.get(name, tell)).map_err(wrong)?;
    let mut text = String::new();
    if let Some(why) = unasked {
        text += &format!("the hub was not asked: {}\n", shown(&why));
    } else if fetched == 0 {
        text += "nothing had to be fetched\n";
    }
    let commit = cached.commit.get(..8).unwrap_or(&cached.commit);
    text += &format!("{name} ({commit}): complete and verified, in {}\n", cached.weights.display());
    text += &of_which_net(&cached)?;
    Ok(text)
}

/// The net of the weights as knobs, and what their configuration asks of images.
fn of_which_net(cached: &Cached) -> Result<String, Failure> {
    let tensors = read_weights(&cached.weights).map_err(Failure::Use)?;
    let mut text = match recognise(&tensors) {
        Err((nearest, why)) => return Ok(format!("no net here has these weights; the nearest is {nearest}: {why}\n")),
        Ok(Recognised { design, image_channels, classes }) => {
            let sets: Vec<String> = design.knobs().iter().map(|set| format!("--set {set}")).collect();
            let net = design.spec(image_channels, classes).name;
            format!("{net} for {classes} classes: {}\n", sets.join(" "))
        }
    };
    text += &match cached.config() {
        Ok(config) => {
            format!(
                "images of {0} x {0}, resized to {1}: taken over where a preset leaves it open\n",
                config.size,
                config.resize(config.size)
            )
        }
        Err(e) => format!("{e}\n"),
    };
    Ok(text + &format!("train with --set net.weights={}\n", cached.name))
}

fn list(hub: &Hub) -> String {
    let found = hub.list();
    if found.is_empty() {
        return format!(
            "no weights are in {}; tricktop weights get timm/resnet50.a1_in1k gets some\n",
            hub.cache.display()
        );
    }
    let names: Vec<String> = found.iter().map(|cached| cached.name.to_string()).collect();
    let width = names.iter().map(|name| columns(name)).max().unwrap_or(0);
    let line = |(cached, name): (&Cached, &String)| {
        let mb = std::fs::metadata(&cached.weights).map_or(0.0, |about| about.len() as f64 / 1e6);
        let architecture = cached.config().ok().and_then(|config| config.architecture).unwrap_or_else(|| "-".into());
        let commit = cached.commit.get(..8).unwrap_or(&cached.commit);
        format!("{}  {commit}  {mb:7.1} MB  {}\n", left(name, width), shown(&architecture))
    };
    let lines: String = found.iter().zip(&names).map(line).collect();
    lines + &format!("in {}\n", hub.cache.display())
}
