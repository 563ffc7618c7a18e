"""Addresses of the screening room. A patient's carry no ids."""

from django.urls import path

from screening.views import ahead, desk, figures, last_time, patient, queue, reach, treating

urlpatterns = [
    path("tablet/questions/", patient.answering, name="answering"),
    path("tablet/questions/<slug:section>/<int:page>/", patient.part, name="part"),
    path("tablet/ask/", reach.ask, name="ask"),
    path("tablet/stop/", reach.stop, name="stop"),
    path("tablet/last-time/", last_time.last_time, name="last_time"),
    path("tablet/check/", patient.check, name="check"),
    path("tablet/kept/", patient.kept, name="kept"),
    path("manage/figures/", figures.figures, name="manage_figures"),
    path("manage/figures/<slug:slug>.svg", figures.plot, name="figure_plot"),
    path("manage/figures/<slug:slug>.csv", figures.sheet, name="figure_sheet"),
    path("queue/", queue.queue, name="queue"),
    path("queue/news/", queue.queue_news, name="queue_news"),
    path("queue/next/", queue.queue_next, name="queue_next"),
    path("review/<int:visit>/claim/", queue.claim, name="review_claim"),
    path("review/<int:visit>/release/", queue.release, name="review_release"),
    path("review/<int:visit>/take-over/", queue.take_over, name="review_take_over"),
    path("review/<int:visit>/", desk.review, name="review"),
    path("review/<int:visit>/plan/", desk.plan, name="review_plan"),
    path("review/<int:visit>/flags/<int:flag>/", desk.decide, name="review_decide"),
    path("review/<int:visit>/flags/<int:flag>/ahead/", ahead.ahead, name="review_ahead"),
    path("review/<int:visit>/vouch/<slug:kind>/", desk.attest, name="review_attest"),
    path("review/<int:visit>/end/", desk.close, name="review_close"),
    path("review/<int:visit>/note/", desk.not_treated_note, name="not_treated_note"),
    path("visits/<int:visit>/session/", treating.session, name="record_session"),
    path("visits/<int:visit>/event/", treating.record_event, name="record_event"),
    path("events/<int:event>/", treating.adverse_event, name="adverse_event"),
]
