//! Parts of a configuration with ids of their own: logging options and VPC configurations.
//!
//! Their ids are `N.M`: the version that they came with, and their place in that change from 1.

use serde::{Deserialize, Serialize};

use crate::{
    configuration::{ApplicationConfiguration, check_arn},
    ids::{SubResourceId, VersionId},
    invalid::{Invalid, check_length},
};

/// Most logging options of an application (AWS).
const MOST_LOGGING_OPTIONS: usize = 1;
/// Most VPC configurations of an application (AWS).
const MOST_VPCS: usize = 1;
const MOST_SUBNETS: usize = 16;
const MOST_SECURITY_GROUPS: usize = 5;
/// Longest id of a subnet or security group. AWS gives 24 characters and tells no limit.
const LONGEST_NETWORK_ID: usize = 256;

/// AWS `CloudWatchLoggingOption`; kept and shown. Logs are read through our own API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggingOption {
    /// Its id.
    pub id: SubResourceId,
    /// ARN of a CloudWatch log stream.
    pub log_stream_arn: String,
}

/// AWS `VpcConfiguration`; kept and shown. Workers use the network they are in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcConfiguration {
    /// Its id.
    pub id: SubResourceId,
    /// Ids of 1 to 16 subnets.
    pub subnet_ids: Vec<String>,
    /// Ids of 1 to 5 security groups.
    pub security_group_ids: Vec<String>,
}

impl VpcConfiguration {
    /// An id for the VPC that the subnets are in: AWS looks it up, we make one of the subnet whose
    /// id comes first, so that it is the same as long as that subnet stays.
    pub fn vpc_id(&self) -> String {
        const FNV_OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const FNV_PRIME: u128 = 0x0100_0000_0000_0000_0000_013b;
        let first = self.subnet_ids.iter().min().map_or("", String::as_str);
        let mixed = first
            .bytes()
            .fold(FNV_OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME));
        // Seventeen hexadecimal digits, as AWS ids have.
        format!("vpc-{:017x}", mixed >> 60)
    }
}

/// One change of the sub-resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubResourceChange {
    /// A new logging option.
    AddLoggingOption {
        /// ARN of its log stream.
        log_stream_arn: String,
    },
    /// Another log stream; absent = unchanged.
    UpdateLoggingOption {
        /// Of which option.
        id: SubResourceId,
        /// ARN of the log stream.
        log_stream_arn: Option<String>,
    },
    /// An option goes.
    DeleteLoggingOption {
        /// Which.
        id: SubResourceId,
    },
    /// A new VPC configuration.
    AddVpc {
        /// Its subnets.
        subnet_ids: Vec<String>,
        /// Its security groups.
        security_group_ids: Vec<String>,
    },
    /// Other subnets or security groups; absent = unchanged.
    UpdateVpc {
        /// Of which VPC configuration.
        id: SubResourceId,
        /// Its subnets.
        subnet_ids: Option<Vec<String>>,
        /// Its security groups.
        security_group_ids: Option<Vec<String>>,
    },
    /// A VPC configuration goes.
    DeleteVpc {
        /// Which.
        id: SubResourceId,
    },
}

/// Why sub-resources cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubResourceProblem {
    /// A value breaks a rule.
    Invalid(Invalid),
    /// There is none of that id.
    Missing {
        /// The AWS member that names it.
        field: &'static str,
        /// The id.
        id: SubResourceId,
    },
}

impl From<Invalid> for SubResourceProblem {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// Applies changes to the configuration that becomes `version`.
///
/// # Errors
/// An id that is not there, one too many, values outside their limits.
pub fn change_sub_resources(
    configuration: &mut ApplicationConfiguration,
    changes: Vec<SubResourceChange>,
    version: VersionId,
) -> Result<(), SubResourceProblem> {
    use SubResourceChange::{
        AddLoggingOption, AddVpc, DeleteLoggingOption, DeleteVpc, UpdateLoggingOption, UpdateVpc,
    };
    let options = &mut configuration.logging_options;
    let vpcs = &mut configuration.vpc_configurations;
    let (mut new_options, mut new_vpcs) = (0, 0);
    for change in changes {
        match change {
            AddLoggingOption { log_stream_arn } => {
                check_arn("LogStreamARN", &log_stream_arn)?;
                new_options += 1;
                let id = SubResourceId::of(version, new_options);
                options.push(LoggingOption { id, log_stream_arn });
            }
            UpdateLoggingOption { id, log_stream_arn } => {
                let found = options.iter_mut().find(|option| option.id == id);
                let option = found.ok_or_else(|| missing(LOGGING_OPTION, &id))?;
                if let Some(arn) = log_stream_arn {
                    check_arn("LogStreamARNUpdate", &arn)?;
                    option.log_stream_arn = arn;
                }
            }
            DeleteLoggingOption { id } => {
                let at = options.iter().position(|option| option.id == id);
                options.remove(at.ok_or_else(|| missing(LOGGING_OPTION, &id))?);
            }
            AddVpc { subnet_ids, security_group_ids } => {
                check_subnets("SubnetIds", &subnet_ids)?;
                check_groups("SecurityGroupIds", &security_group_ids)?;
                new_vpcs += 1;
                let id = SubResourceId::of(version, new_vpcs);
                vpcs.push(VpcConfiguration { id, subnet_ids, security_group_ids });
            }
            UpdateVpc { id, subnet_ids, security_group_ids } => {
                let found = vpcs.iter_mut().find(|vpc| vpc.id == id);
                let vpc = found.ok_or_else(|| missing(VPC, &id))?;
                if let Some(ids) = subnet_ids {
                    check_subnets("SubnetIdUpdates", &ids)?;
                    vpc.subnet_ids = ids;
                }
                if let Some(ids) = security_group_ids {
                    check_groups("SecurityGroupIdUpdates", &ids)?;
                    vpc.security_group_ids = ids;
                }
            }
            DeleteVpc { id } => {
                let at = vpcs.iter().position(|vpc| vpc.id == id);
                vpcs.remove(at.ok_or_else(|| missing(VPC, &id))?);
            }
        }
    }
    if options.len() > MOST_LOGGING_OPTIONS {
        let problem = "an application currently supports only 1 logging option";
        return Err(Invalid::new("CloudWatchLoggingOptions", problem).into());
    }
    if vpcs.len() > MOST_VPCS {
        let problem = "an application currently supports only 1 VPC configuration(s)";
        return Err(Invalid::new("VpcConfigurations", problem).into());
    }
    Ok(())
}

const LOGGING_OPTION: &str = "CloudWatchLoggingOptionId";
const VPC: &str = "VpcConfigurationId";

fn missing(field: &'static str, id: &SubResourceId) -> SubResourceProblem {
    SubResourceProblem::Missing { field, id: id.clone() }
}

fn check_subnets(field: &'static str, ids: &[String]) -> Result<(), Invalid> {
    check_network_ids(field, ids, MOST_SUBNETS)
}

fn check_groups(field: &'static str, ids: &[String]) -> Result<(), Invalid> {
    check_network_ids(field, ids, MOST_SECURITY_GROUPS)
}

fn check_network_ids(field: &'static str, ids: &[String], most: usize) -> Result<(), Invalid> {
    if ids.is_empty() || ids.len() > most {
        return Err(Invalid::new(field, format!("must be 1 to {most} ids, but are {}", ids.len())));
    }
    ids.iter().try_for_each(|id| check_length(field, id, 1, LONGEST_NETWORK_ID))
}
