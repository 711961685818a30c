#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/base/precompiled.h"
