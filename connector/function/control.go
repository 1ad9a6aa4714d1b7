// What the worker asks of an instance, over gRPC on the machine's own address.

package function

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/pulsar/pulsar-function-go/pb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// control answers for an instance: the service proto.InstanceControl.
type control struct {
	host Host

	mu      sync.Mutex
	failure string    // why the work has ended; "" while it goes on
	checked time.Time // when the worker last looked after the instance
}

// HealthCheck says that the process lives.
func (c *control) HealthCheck(context.Context, *emptypb.Empty) (*pb.HealthCheckResult, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked = time.Now()
	return &pb.HealthCheckResult{Success: true}, nil
}

// GetFunctionStatus is what pulsar-admin functions status shows. Restarts and worker are
// filled in there.
func (c *control) GetFunctionStatus(context.Context, *emptypb.Empty) (*pb.FunctionStatus, error) {
	s := c.host.Counts.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return &pb.FunctionStatus{
		Running: c.failure == "", FailureException: c.failure, InstanceId: strconv.Itoa(c.host.Instance.ID),
		NumReceived: s.total.received, NumSuccessfullyProcessed: s.total.processed,
		NumUserExceptions: s.total.userExceptions, LatestUserExceptions: wireExceptions(s.user),
		NumSystemExceptions: s.total.systemExceptions, LatestSystemExceptions: wireExceptions(s.system),
		AverageLatency: s.total.averageLatency(), LastInvocationTime: s.lastEventMillis(),
	}, nil
}

func wireExceptions(all []exception) []*pb.FunctionStatus_ExceptionInformation {
	var wire []*pb.FunctionStatus_ExceptionInformation
	for _, e := range all {
		wire = append(wire, &pb.FunctionStatus_ExceptionInformation{ExceptionString: e.text, MsSinceEpoch: e.at.UnixMilli()})
	}
	return wire
}

// GetMetrics is what pulsar-admin functions stats shows.
func (c *control) GetMetrics(context.Context, *emptypb.Empty) (*pb.MetricsData, error) {
	s := c.host.Counts.now()
	return &pb.MetricsData{
		ReceivedTotal: s.total.received, ReceivedTotal_1Min: s.minute.received,
		ProcessedSuccessfullyTotal: s.total.processed, ProcessedSuccessfullyTotal_1Min: s.minute.processed,
		SystemExceptionsTotal: s.total.systemExceptions, SystemExceptionsTotal_1Min: s.minute.systemExceptions,
		UserExceptionsTotal: s.total.userExceptions, UserExceptionsTotal_1Min: s.minute.userExceptions,
		AvgProcessLatency: s.total.averageLatency(), AvgProcessLatency_1Min: s.minute.averageLatency(),
		LastInvocation: s.lastEventMillis(), UserMetrics: c.host.userMetrics(),
	}, nil
}

// ResetMetrics begins the present minute anew, as Pulsar's own instances do.
func (c *control) ResetMetrics(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	c.host.Counts.resetMinute()
	return &emptypb.Empty{}, nil
}

// GetAndResetMetrics is both.
func (c *control) GetAndResetMetrics(ctx context.Context, e *emptypb.Empty) (*pb.MetricsData, error) {
	m, err := c.GetMetrics(ctx, e)
	c.host.Counts.resetMinute()
	return m, err
}

// fail notes why the work has ended, in one line.
func (c *control) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = strings.ReplaceAll(err.Error(), "\n", "; ")
}

// lastChecked is when the worker last looked after the instance; the zero time for never.
func (c *control) lastChecked() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.checked
}

// instanceControl is proto.InstanceControl of Pulsar's InstanceCommunication.proto. The pb
// package has its messages and not the service.
type instanceControl interface {
	HealthCheck(context.Context, *emptypb.Empty) (*pb.HealthCheckResult, error)
	GetFunctionStatus(context.Context, *emptypb.Empty) (*pb.FunctionStatus, error)
	GetMetrics(context.Context, *emptypb.Empty) (*pb.MetricsData, error)
	ResetMetrics(context.Context, *emptypb.Empty) (*emptypb.Empty, error)
	GetAndResetMetrics(context.Context, *emptypb.Empty) (*pb.MetricsData, error)
}

var service = grpc.ServiceDesc{
	ServiceName: "proto.InstanceControl",
	HandlerType: (*instanceControl)(nil),
	Metadata:    "InstanceCommunication.proto",
	Methods: []grpc.MethodDesc{
		method("HealthCheck", instanceControl.HealthCheck),
		method("GetFunctionStatus", instanceControl.GetFunctionStatus),
		method("GetMetrics", instanceControl.GetMetrics),
		method("ResetMetrics", instanceControl.ResetMetrics),
		method("GetAndResetMetrics", instanceControl.GetAndResetMetrics),
	},
}

// method describes a call without arguments. There are no interceptors.
func method[Answer any](name string, call func(instanceControl, context.Context, *emptypb.Empty) (Answer, error)) grpc.MethodDesc {
	return grpc.MethodDesc{
		MethodName: name,
		Handler: func(server any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(emptypb.Empty)
			if err := decode(in); err != nil {
				return nil, err
			}
			return call(server.(instanceControl), ctx, in)
		},
	}
}
