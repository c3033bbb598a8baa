//! A body of any framing, as runs of data.

use super::super::error::{Fault, Reason};
use super::super::limits::HttpLimits;
use super::chunked::{ChunkDecoder, ChunkStep};
use super::framing::{BodyLength, ResponseBody};

/// Progress through one body.
#[derive(Debug)]
pub(in crate::wire::http) enum BodyDecoder {
    Length { declared: u64, left: u64 },
    Chunked(ChunkDecoder),
    UntilClose { received: u64 },
}

impl BodyDecoder {
    pub(in crate::wire::http) fn request(length: BodyLength) -> Self {
        match length {
            BodyLength::None => Self::length(0),
            BodyLength::Length(length) => Self::length(length),
            BodyLength::Chunked => Self::Chunked(ChunkDecoder::new()),
        }
    }

    pub(in crate::wire::http) fn response(length: ResponseBody) -> Self {
        match length {
            ResponseBody::None => Self::length(0),
            ResponseBody::Length(length) => Self::length(length),
            ResponseBody::Chunked => Self::Chunked(ChunkDecoder::new()),
            ResponseBody::UntilClose => Self::UntilClose { received: 0 },
        }
    }

    fn length(declared: u64) -> Self {
        Self::Length {
            declared,
            left: declared,
        }
    }

    /// Refuses a body whose declared length is over `limit`.
    // RFC 9110, 15.5.14: "413 (Content Too Large) [..] The server MAY terminate the request"
    pub(in crate::wire::http) fn check(&self, limit: u64) -> Result<(), Fault> {
        match self {
            Self::Length { declared, .. } if *declared > limit => {
                Err(Fault::new(413, "body", Reason::TooLong { limit }, 0))
            }
            _ => Ok(()),
        }
    }

    /// Goes on with `input`, up to the next run of data.
    pub(in crate::wire::http) fn decode<'a>(
        &mut self,
        input: &'a [u8],
        limits: &HttpLimits,
        limit: u64,
    ) -> Result<(usize, ChunkStep<'a>), Fault> {
        // At each step: the limit may have been set after the head was read.
        self.check(limit)?;
        match self {
            Self::Chunked(chunks) => chunks.decode(input, limits, limit),
            Self::Length { left: 0, .. } => Ok((0, ChunkStep::End)),
            _ if input.is_empty() => Ok((0, ChunkStep::NeedMore)),
            Self::Length { left, .. } => {
                let take = usize::try_from(*left).map_or(input.len(), |n| n.min(input.len()));
                *left -= take as u64;
                Ok((take, ChunkStep::Data(&input[..take])))
            }
            // Takes up to the limit and refuses the byte behind it: no length was declared that could be judged.
            Self::UntilClose { received } => {
                let room = limit.saturating_sub(*received);
                if room == 0 {
                    return Err(Fault::new(413, "body", Reason::TooLong { limit }, 0));
                }
                let take = usize::try_from(room).map_or(input.len(), |n| n.min(input.len()));
                *received += take as u64;
                Ok((take, ChunkStep::Data(&input[..take])))
            }
        }
    }
}
