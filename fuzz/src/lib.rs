//! The bodies of the fuzz targets: functions that also run as ordinary tests, over the seeds.

pub mod receive;
