// The backlog that status shows: the last answer, and none that is out of date.

package connector

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []any{int64(5), int64(3), errors.New("away"), int64(1)}
		asked := make(chan struct{}) // held by the test until it has looked
		b := followBacklog(t.Context(), func(context.Context) (int64, error) {
			<-asked
			next := answers[0]
			answers = answers[1:]
			if err, failed := next.(error); failed {
				return 0, err
			}
			return next.(int64), nil
		})
		if _, known := b.now(); known {
			t.Error("known before it was asked for")
		}
		close(asked)
		for i, want := range []int64{5, 3, -1, 1} {
			synctest.Wait()
			if got, known := b.now(); known != (want >= 0) || known && got != want {
				t.Errorf("answer %d: %d, %v, want %d", i, got, known, want)
			}
			if i < 3 {
				time.Sleep(backlogEvery)
			}
		}
		b.close()
	})
}
