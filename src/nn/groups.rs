//! Which parameters of a net belong together: those of a convolution and its norm, of a norm alone, of a linear layer.

use super::layer::{Layer, Residual, Unit};
use super::spec::{Auxiliary, NetSpec};

/// Parameters that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Name of the convolution, of the norm or of the linear layer.
    pub name: String,
    /// Number of parameters and statistics.
    pub count: usize,
}

/// Weight and bias.
const LINEAR: usize = 2;

impl NetSpec {
    /// The groups of all parameters and statistics, in their order.
    pub fn groups(&self) -> Vec<Group> {
        let mut all = Vec::new();
        of_layers(&self.layers, &mut all);
        all.push(linear(self.head.clone()));
        if let Some(Auxiliary { layers, head, .. }) = &self.auxiliary {
            of_layers(layers, &mut all);
            all.push(linear(head.clone()));
        }
        all
    }
}

fn linear(name: String) -> Group {
    Group { name, count: LINEAR }
}

fn of_unit(unit: &Unit) -> Group {
    Group { name: unit.conv_name.clone(), count: unit.count() }
}

fn of_layers(layers: &[Layer], to: &mut Vec<Group>) {
    for layer in layers {
        match layer {
            Layer::Unit(unit) => to.push(of_unit(unit)),
            Layer::Norm { name, .. } => to.push(Group { name: name.clone(), count: layer.count() }),
            Layer::MaxPool(_) | Layer::AveragePool(_) => {}
            Layer::Residual(Residual { body, gate, shortcut }) => {
                to.extend(body.iter().map(of_unit));
                let two = gate.iter().flat_map(|gate| ["fc1", "fc2"].map(|of| linear(format!("{}.{of}", gate.name))));
                to.extend(two);
                of_layers(shortcut, to);
            }
            Layer::Concat(branches) => branches.iter().for_each(|branch| of_layers(branch, to)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::settings::{Family, Form, Net};

    #[test]
    fn every_parameter_is_of_one_group_that_has_its_name() {
        let nets = [
            (Family::ResNet, Form::Small, 20),
            (Family::SeResNet, Form::ImageNet, 50),
            (Family::ResNeXt, Form::ImageNet, 50),
            (Family::MobileNet, Form::Small, 28),
            (Family::DenseNet, Form::Small, 121),
            (Family::Inception, Form::ImageNet, 48),
        ];
        for (family, form, depth) in nets {
            let auxiliary = family == Family::Inception;
            let spec = NetSpec::new(&Net { family, form, depth, auxiliary, ..Net::default() }, 3, 10);
            let mut params = spec.params().into_iter();
            for Group { name, count } in spec.groups() {
                let first = params.by_ref().take(count).next().map(|p| p.name);
                assert_eq!(first, Some(format!("{name}.weight")), "{family:?}");
                params.by_ref().take(count - 1).for_each(drop);
            }
            assert_eq!(params.next(), None, "{family:?}");
        }
    }
}
