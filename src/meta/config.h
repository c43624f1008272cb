// Configurations of topics and brokers: definitions, validation, typed results.
#pragma once

#include "meta/broker_config.h"
#include "meta/config_definition.h"
#include "meta/topic_config.h"
