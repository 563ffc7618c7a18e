"""Addresses of the screening room. Those of the patient's pages carry no ids."""

from django.urls import path

from screening.pages.desk.views import override_stop, queue, review, treatment
from screening.pages.manager import views
from screening.pages.patient.views import help_and_stop, previous_answers, questions

urlpatterns = [
    path("tablet/questions/", questions.answering, name="answering"),
    path("tablet/questions/<slug:section>/<int:page>/", questions.part, name="part"),
    path("tablet/ask/", help_and_stop.ask, name="ask"),
    path("tablet/stop/", help_and_stop.stop, name="stop"),
    path("tablet/last-time/", previous_answers.last_time, name="last_time"),
    path("tablet/check/", questions.check, name="check"),
    path("tablet/kept/", questions.kept, name="kept"),
    path("manage/figures/", views.figures, name="manage_figures"),
    path("manage/figures/<slug:slug>.svg", views.plot, name="figure_plot"),
    path("manage/figures/<slug:slug>.csv", views.sheet, name="figure_sheet"),
    path("queue/", queue.queue, name="queue"),
    path("queue/news/", queue.queue_news, name="queue_news"),
    path("queue/next/", queue.queue_next, name="queue_next"),
    path("review/<int:pk>/claim/", queue.claim, name="review_claim"),
    path("review/<int:pk>/release/", queue.release, name="review_release"),
    path("review/<int:pk>/take-over/", queue.take_over, name="review_take_over"),
    path("review/<int:pk>/", review.review, name="review"),
    path("review/<int:pk>/plan/", review.plan, name="review_plan"),
    path("review/<int:pk>/flags/<int:flag>/", review.decide, name="review_decide"),
    path("review/<int:pk>/flags/<int:flag>/ahead/", override_stop.ahead, name="review_ahead"),
    path("review/<int:pk>/vouch/<slug:kind>/", review.attest, name="review_attest"),
    path("review/<int:pk>/end/", review.close, name="review_close"),
    path("review/<int:pk>/note/", review.not_treated_note, name="not_treated_note"),
    path("visits/<int:pk>/session/", treatment.session, name="record_session"),
    path("visits/<int:pk>/event/", treatment.record_event, name="record_event"),
    path("events/<int:pk>/", treatment.adverse_event, name="adverse_event"),
]
