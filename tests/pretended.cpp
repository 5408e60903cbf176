// A device that only pretends: the host's memory and the host's kernels, under another name and with a real device's
// rules. A kernel that is handed tensors of two devices, or a random stream of the other one, refuses.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace {

using at::Tensor;
using c10::IValue;
constexpr auto kind = c10::DeviceType::PrivateUse1;
const c10::Device place(kind, 0);

// ---- memory ----

struct HostMemory final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    void* memory = bytes == 0 ? nullptr : std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    return {memory, memory, &std::free, place};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
};

HostMemory memory;
REGISTER_ALLOCATOR(kind, &memory)

struct Guard final : c10::impl::NoOpDeviceGuardImpl<kind> {  // nothing runs behind: there is nothing to wait for
  c10::Device exchangeDevice(c10::Device) const override { return place; }
  c10::Device getDevice() const override { return place; }
  c10::Stream getStream(c10::Device) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, place); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, place); }
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeEvent(void*) const override {}
  void synchronizeDevice(c10::DeviceIndex) const override {}
  void synchronizeStream(const c10::Stream&) const override {}
  bool queryStream(const c10::Stream&) const override { return true; }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

// ---- random streams ----

struct Stream final : at::CPUGeneratorImpl {
  Stream() { as(place); }
  void as(c10::Device shown) {
    device_ = shown;
    key_set_ = c10::DispatchKeySet(shown.is_cpu() ? c10::DispatchKey::CPU : c10::DispatchKey::PrivateUse1);
  }
  Stream* clone_impl() const override {
    auto* copy = new Stream();
    copy->set_engine(const_cast<Stream*>(this)->engine());
    return copy;
  }
};

const at::Generator& ours() {
  static const at::Generator generator = at::make_generator<Stream>();
  return generator;
}

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override { return ours(); }
  at::Generator getNewGenerator(c10::DeviceIndex) const override { return at::make_generator<Stream>(); }
};

const bool registered = [] {
  at::RegisterPrivateUse1HooksInterface(new Hooks());
  return true;
}();

// ---- tensors seen as the host's, and back ----

bool is_ours(const Tensor& tensor) { return tensor.defined() && tensor.device().type() == kind; }

Tensor as_host(const Tensor& tensor) {  // the same memory
  if (!is_ours(tensor)) return tensor;
  at::AutoDispatchBelowADInplaceOrView below;
  auto storage = tensor.storage();
  auto bytes = storage.nbytes();
  c10::Storage host(c10::Storage::use_byte_size_t(), bytes,
                    c10::DataPtr(storage.mutable_data(), c10::Device(c10::DeviceType::CPU)), nullptr, false);
  auto impl = c10::make_intrusive<c10::TensorImpl>(std::move(host), c10::DispatchKeySet(c10::DispatchKey::CPU), tensor.dtype());
  impl->set_sizes_and_strides(tensor.sizes(), tensor.strides(), tensor.storage_offset());
  Tensor seen(impl);
  if (tensor.is_neg()) seen._set_neg(true);
  if (tensor.is_conj()) seen._set_conj(true);
  return seen;
}

Tensor made(at::IntArrayRef sizes, at::IntArrayRef strides, c10::ScalarType dtype) {
  return at::detail::empty_strided_generic(sizes, strides, &memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), dtype);
}

Tensor with_storage(const Tensor& owner, const Tensor& like, int64_t offset) {
  auto impl = c10::make_intrusive<c10::TensorImpl>(
      c10::Storage(owner.storage()), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), like.dtype());
  impl->set_sizes_and_strides(like.sizes(), like.strides(), offset);
  return Tensor(impl);
}

Tensor from_host(const Tensor& host, const std::vector<Tensor>& inputs) {  // a view stays a view
  if (!host.defined() || is_ours(host)) return host;
  for (const auto& input : inputs)
    if (is_ours(input) && input.storage().data() && input.storage().data() == host.storage().data())
      return with_storage(input, host, host.storage_offset());
  Tensor dense = host._is_zerotensor() ? at::zeros(host.sizes(), host.options()) : host;  // which has no memory
  if (!dense.is_non_overlapping_and_dense()) dense = dense.contiguous();
  Tensor out = made(dense.sizes(), dense.strides(), dense.scalar_type());
  if (dense.numel()) std::memcpy(out.mutable_data_ptr(), dense.const_data_ptr(), dense.numel() * dense.itemsize());
  return out;
}

// ---- any kernel: the host's, after the devices were compared ----

std::vector<Tensor> tensors_of(const IValue& value) {
  std::vector<Tensor> found;
  if (value.isTensor()) found.push_back(value.toTensor());
  if (value.isTensorList()) for (const Tensor& one : value.toTensorList()) found.push_back(one);
  if (value.isOptionalTensorList())
    for (std::optional<Tensor> one : value.toOptionalTensorList()) if (one) found.push_back(*one);
  return found;
}

void compare_devices(const c10::OperatorHandle& op, const std::vector<Tensor>& inputs, bool wanted) {
  static const std::set<std::string> free_places{
      "aten::index.Tensor", "aten::index_put_", "aten::_index_put_impl_", "aten::_unsafe_index.Tensor", "aten::index.Tensor_out",
      "aten::_unsafe_index_put"};
  const auto name = op.schema().name() + (op.schema().overload_name().empty() ? "" : "." + op.schema().overload_name());
  bool here = wanted;
  for (const auto& input : inputs) here = here || is_ours(input);
  bool first = true;
  for (const auto& input : inputs) {
    const bool index = free_places.count(name) && !first;
    first = false;
    if (!here || !input.defined() || is_ours(input) || index) continue;
    if (input.dim() == 0) continue;  // a number, which travels with the call
    TORCH_CHECK(false, "Expected all tensors to be on the same device, but found at least two devices, ", place, " and ",
                input.device(), "! (when checking arguments of ", name, ")");
  }
}

// Accelerators have no products of whole numbers, where the host has.
void refuse_whole_numbers(const std::string& name, const std::vector<Tensor>& inputs) {
  static const std::set<std::string> products{"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::mv", "aten::addmv", "aten::dot"};
  if (!products.count(name)) return;
  for (const auto& input : inputs)
    TORCH_CHECK(!input.defined() || input.is_floating_point() || input.is_complex(), "\"", name, "\" not implemented for '",
                input.scalar_type(), "' on ", place);
}

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const size_t count = schema.arguments().size(), begin = stack->size() - count;
  std::vector<IValue> given(stack->begin() + begin, stack->end());
  std::vector<Tensor> inputs;
  bool wanted = false, streams = false;
  for (const auto& value : given) {
    for (auto& one : tensors_of(value)) inputs.push_back(one);
    if (value.isDevice()) wanted = wanted || value.toDevice().type() == kind;
  }
  compare_devices(op, inputs, wanted);
  refuse_whole_numbers(schema.name(), inputs);

  std::vector<std::pair<Tensor, Tensor>> written;  // ours, and how the host saw it
  Stream* drawn = nullptr;
  for (size_t i = 0; i < count; ++i) {
    auto& slot = (*stack)[begin + i];
    const auto& value = given[i];
    const auto& argument = schema.arguments()[i];
    const bool writes = argument.alias_info() && argument.alias_info()->isWrite();
    auto seen = [&](const Tensor& one) {
      if (!is_ours(one)) return one;
      Tensor host = writes && one.numel() == 0 ? at::empty(one.sizes(), one.options().device(at::kCPU)) : as_host(one);
      if (writes) written.emplace_back(one, host);
      return host;
    };
    if (value.isTensor()) {
      slot = seen(value.toTensor());
    } else if (value.isTensorList()) {
      c10::List<Tensor> list;
      for (const Tensor& one : value.toTensorList()) list.push_back(seen(one));
      slot = list;
    } else if (value.isOptionalTensorList()) {
      c10::List<std::optional<Tensor>> list;
      for (std::optional<Tensor> one : value.toOptionalTensorList())
        list.push_back(one ? std::optional<Tensor>(seen(*one)) : std::nullopt);
      slot = list;
    } else if (value.isDevice() && value.toDevice().type() == kind) {
      slot = c10::Device(c10::DeviceType::CPU);
    } else if (argument.type()->str().find("Generator") != std::string::npos) {
      streams = true;
      at::Generator generator = value.isNone() ? ours() : value.toGenerator();
      TORCH_CHECK(generator.device().type() == kind, "Expected a '", kind, "' device type for generator but found '",
                  generator.device().type(), "'");
      bool here = wanted;
      for (const auto& input : inputs) here = here || is_ours(input);
      TORCH_CHECK(here, "Expected a 'cpu' device type for generator but found '", kind, "'");
      drawn = static_cast<Stream*>(generator.unsafeGetGeneratorImpl());
      slot = generator;
    }
  }
  const auto& tags = op.getTags();
  const bool random = !streams && std::find(tags.begin(), tags.end(), at::Tag::nondeterministic_seeded) != tags.end();
  auto* host_stream = static_cast<at::CPUGeneratorImpl*>(at::detail::getDefaultCPUGenerator().unsafeGetGeneratorImpl());
  auto* our_stream = static_cast<Stream*>(ours().unsafeGetGeneratorImpl());
  auto before = host_stream->engine();
  if (random) host_stream->set_engine(our_stream->engine());
  if (drawn) drawn->as(c10::Device(c10::DeviceType::CPU));
  auto restore = [&] {
    if (drawn) drawn->as(place);
    if (random) { our_stream->set_engine(host_stream->engine()); host_stream->set_engine(before); }
  };
  try {
    op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  } catch (...) {
    restore();
    throw;
  }
  restore();

  for (auto& [mine, host] : written) {
    if (host.storage().data() == mine.storage().data()) continue;
    if (!mine.sizes().equals(host.sizes())) mine.resize_(host.sizes());
    if (host.numel()) as_host(mine).copy_(host);
  }
  const size_t returned = schema.returns().size(), first = stack->size() - returned;
  for (size_t i = 0; i < returned; ++i) {
    auto& slot = (*stack)[first + i];
    const auto& info = schema.returns()[i].alias_info();
    if (slot.isTensor()) {
      Tensor result = slot.toTensor();
      bool same = false;
      if (info && info->isWrite())
        for (auto& [mine, host] : written)
          if (host.unsafeGetTensorImpl() == result.unsafeGetTensorImpl()) { slot = mine; same = true; break; }
      if (!same) slot = from_host(result, inputs);
    } else if (slot.isTensorList()) {
      c10::List<Tensor> list;
      for (const Tensor& one : slot.toTensorList()) list.push_back(from_host(one, inputs));
      slot = list;
    }
  }
}

// ---- what has to know where memory lies ----

Tensor empty_memory_format(c10::SymIntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                           std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(C10_AS_INTARRAYREF_SLOW(size), &memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   dtype.value_or(at::get_default_dtype_as_scalartype()), format);
}

Tensor empty_strided(c10::SymIntArrayRef size, c10::SymIntArrayRef stride, std::optional<at::ScalarType> dtype,
                     std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return made(C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride),
              dtype.value_or(at::get_default_dtype_as_scalartype()));
}

Tensor as_strided(const Tensor& self, c10::SymIntArrayRef size, c10::SymIntArrayRef stride, std::optional<c10::SymInt> offset) {
  auto impl = c10::make_intrusive<c10::TensorImpl>(c10::TensorImpl::VIEW, c10::Storage(self.storage()), self.key_set(), self.dtype());
  impl->set_sizes_and_strides(C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride),
                              offset ? offset->expect_int() : self.storage_offset());
  return Tensor(impl);
}

Tensor view(const Tensor& self, c10::SymIntArrayRef size) {
  auto host = as_host(self).view(C10_AS_INTARRAYREF_SLOW(size));
  return as_strided(self, c10::fromIntArrayRefSlow(host.sizes()), c10::fromIntArrayRefSlow(host.strides()), self.storage_offset());
}

Tensor reshape_alias(const Tensor& self, c10::SymIntArrayRef size, c10::SymIntArrayRef stride) {
  return as_strided(self, size, stride, self.storage_offset());
}

const Tensor& resize_(const Tensor& self, c10::SymIntArrayRef size, std::optional<at::MemoryFormat>) {
  auto* impl = self.unsafeGetTensorImpl();
  impl->set_sizes_contiguous(C10_AS_INTARRAYREF_SLOW(size));
  const size_t needed = (impl->storage_offset() + impl->numel()) * self.itemsize();
  auto* storage = self.storage().unsafeGetStorageImpl();
  if (storage->nbytes() < needed) {
    auto fresh = memory.allocate(needed);
    if (storage->nbytes()) std::memcpy(fresh.get(), storage->data(), storage->nbytes());
    storage->set_data_ptr_noswap(std::move(fresh));
    storage->set_nbytes(needed);
  }
  return self;
}

Tensor& set_storage(Tensor& self, at::Storage source, c10::SymInt offset, c10::SymIntArrayRef size, c10::SymIntArrayRef stride) {
  auto* impl = self.unsafeGetTensorImpl();
  impl->set_storage_keep_dtype(std::move(source));
  impl->set_sizes_and_strides(C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride), offset.expect_int());
  return self;
}

Tensor& set_whole(Tensor& self, at::Storage source) {
  const int64_t numel = source.nbytes() / self.itemsize();
  auto* impl = self.unsafeGetTensorImpl();
  impl->set_storage_keep_dtype(std::move(source));
  impl->set_storage_offset(0);
  impl->set_sizes_contiguous(at::IntArrayRef(&numel, 1));
  return self;
}

Tensor& set_source(Tensor& self, const Tensor& source) {
  return set_storage(self, source.storage(), source.storage_offset(), source.sym_sizes(), source.sym_strides());
}

Tensor copy_from(const Tensor& self, const Tensor& to, bool) {
  Tensor host = as_host(to);
  host.copy_(as_host(self));
  return to;
}

Tensor copy_from_and_resize(const Tensor& self, const Tensor& to) {
  to.resize_(self.sizes());
  return copy_from(self, to, false);
}

at::Scalar local_scalar(const Tensor& self) { return as_host(self).item(); }

Tensor convolution(const Tensor& x, const Tensor& w, const std::optional<Tensor>& b, c10::SymIntArrayRef stride, c10::SymIntArrayRef padding,
                   c10::SymIntArrayRef dilation, bool transposed, c10::SymIntArrayRef output_padding, c10::SymInt groups) {
  auto bias = b ? std::optional<Tensor>(as_host(*b)) : std::nullopt;
  return from_host(at::convolution_symint(as_host(x), as_host(w), bias, stride, padding, dilation, transposed, output_padding, groups), {});
}

std::tuple<Tensor, Tensor, Tensor> convolution_backward(
    const Tensor& g, const Tensor& x, const Tensor& w, c10::SymIntArrayRef stride, c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation,
    bool transposed, c10::SymIntArrayRef output_padding, c10::SymInt groups, std::array<bool, 3> mask) {
  std::vector<c10::SymInt> bias_size{g.sym_size(1)};
  auto [gx, gw, gb] = at::convolution_backward_symint(as_host(g), as_host(x), as_host(w), c10::SymIntArrayRef(bias_size), stride, padding,
                                                      dilation, transposed, output_padding, groups, mask);
  return {from_host(gx, {}), from_host(gw, {}), from_host(gb, {})};
}

TORCH_LIBRARY(pretended, m) { m.def("stream() -> Generator?", [] { return ours(); }); }

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", empty_memory_format);
  m.impl("empty_strided", empty_strided);
  m.impl("as_strided", as_strided);
  m.impl("view", view);
  m.impl("_reshape_alias", reshape_alias);
  m.impl("resize_", resize_);
  m.impl("set_.source_Storage_storage_offset", set_storage);
  m.impl("set_.source_Storage", set_whole);
  m.impl("set_.source_Tensor", set_source);
  m.impl("_copy_from", copy_from);
  m.impl("_copy_from_and_resize", copy_from_and_resize);
  m.impl("_local_scalar_dense", local_scalar);
  m.impl("convolution_overrideable", convolution);
  m.impl("convolution_backward_overrideable", convolution_backward);
}

}  // namespace
