// The face of the wire room: Kafka's messages, record batches and compression. No I/O, no state, any thread.
//
//   api.h                   API keys and version ranges            errors.h   Kafka's error codes
//   header.h                frames: split requests, build responses
//   codec.h                 decode, encode, print one message      messages/<api>.h   the messages themselves
//   handler_table.h         what may be advertised
//   record_batch.h          header, splitting, stamping            batch_validation.h  what producers send
//   record_reader.h         records of a batch                     record_batch_builder.h
//   compression.h           the four codecs, bounded
//   records/*.h             records of internal topics, the consumer protocol
//   catalogue.h             all messages, erased to bytes (tests, fuzzing, debugging)
//
// A new message: a struct in messages/, its describe() and CHRONIK_WIRE_INSTANTIATE beside it (see description.h), a
// row in api.h, two in catalogue.cc, and golden vectors (tests/golden).
#pragma once

#include "wire/api.h"
#include "wire/batch_validation.h"
#include "wire/codec.h"
#include "wire/compression.h"
#include "wire/errors.h"
#include "wire/header.h"
#include "wire/record_batch.h"
#include "wire/record_batch_builder.h"
#include "wire/record_reader.h"
#include "wire/types.h"
