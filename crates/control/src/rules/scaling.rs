//! With how many subtasks an application runs.

use model::configuration::ParallelismConfiguration;

/// The parallelism of a run after an update: the one the service had chosen is kept, unless the
/// customer `named` a parallelism or leaves the service nothing to choose.
pub(crate) fn parallelism_after(
    present: u32,
    named: bool,
    configuration: &ParallelismConfiguration,
) -> u32 {
    if named || !configuration.auto_scaling_enabled {
        configuration.parallelism
    } else {
        present.max(configuration.parallelism)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_keeps_what_the_service_chose_unless_it_names_a_parallelism() {
        let after = |present, named, parallelism, auto_scaling_enabled| {
            let configuration = ParallelismConfiguration {
                parallelism,
                auto_scaling_enabled,
                ..ParallelismConfiguration::default()
            };
            parallelism_after(present, named, &configuration)
        };
        assert_eq!(after(8, false, 2, true), 8);
        assert_eq!(after(8, true, 2, true), 2);
        assert_eq!(after(8, false, 2, false), 2);
        assert_eq!(after(1, false, 2, true), 2);
    }
}
